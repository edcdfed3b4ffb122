"""The tour: six stories of one message, told from what really happens in one run.

`scenario` builds the world and runs it, `run` holds what happened, each `story_*` gathers its facts from that and
tells them; `render` puts the pages on the screen. No number in a story is written down anywhere but in the run.
"""
