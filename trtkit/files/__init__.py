"""Saved inputs and outputs on disk: one module per format, and the table of their suffixes.

A format is a module with two members:

    read(path: Path) -> Saved                                lazy: iterations are read when asked for
    open_writer(path: Path, kind: SavedKind) -> Writer       writes iterations as they come

    suffix           module             layout
    .json            json_format        Polygraphy's layout, both ways
    .npz             npz                numpy's archive
    .safetensors     safetensors_format Hugging Face's
    (none)           npy_folder         a folder of .npy files; Polygraphy's folders of .json are read too
    any other        json_format        one JSON file, and a warning says so
"""
