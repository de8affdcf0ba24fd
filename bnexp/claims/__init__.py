"""From the evidence of an experiment to the verdict on each claim in its config.

`contrast` (what each seed says at one place of the grid) -> `rules` (p of supported, refuted, no difference) ->
`verdict` (over places and over claims, published figures beside it).  `power` says what so many seeds could have shown,
and how many would settle it.
"""
