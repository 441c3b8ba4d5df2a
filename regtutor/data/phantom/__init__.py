"""How the chest of nobody is made; `data.thorax` is its door.

Read `shapes`, `anatomy`, `organs`, `skeleton`, `trees`, `tubes`, `breathing`, `scanner`; the gland
of `data.modalities` is `pelvis`.
"""
