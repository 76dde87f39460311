"""A read of arrays: converters, read noise, and the derivatives of both."""
