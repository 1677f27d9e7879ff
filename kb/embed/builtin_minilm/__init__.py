"""The better built-in profile: all-MiniLM-L6-v2 as int8 on ONNX Runtime, behind an extra.

    weights    the installed package's files, checked
    onnx_file  writes ONNX
    recipe     makes the int8 model of the weights
    cached     where that is kept
    model      one text's vector
    embedder   many texts

Nothing but `weights`, `cached` and `embedder` is imported before the first text.
"""
