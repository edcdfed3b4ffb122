"""How fast is it, beside the kernel's own figures of the same minute? `python -m benchmarks`, or `make bench`."""
