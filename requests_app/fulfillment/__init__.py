"""How a deletion is carried out: planned, frozen, approved, erased, looked at again, told."""
