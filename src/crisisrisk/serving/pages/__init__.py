"""The pages: what a coordinator reads, made by the server, whole without a script."""
