"""The package of one consumer: what is held, written as a stream, sealed at rest."""
