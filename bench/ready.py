"""Makes Django ready; the other modules of the benchmark import it before any model."""

import django

django.setup()
