"""The trilinear form: what a layer is, and the operations that are derivatives of it."""
