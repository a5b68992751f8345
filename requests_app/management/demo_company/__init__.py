"""The demo company: its people, its learners, and two months of requests. Never outside a demo."""
