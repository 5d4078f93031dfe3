"""What a line of a marked-up text does, and what becomes of it: the numbers that stand for each."""

BLANK, TEXT, ITEM, LITERAL, COLON, DROPPED, HIDES, UNTIL_BLANK, OPENS = range(9)
"""What a line does. LITERAL is text behind which an indented block is code, and COLON is too unless
the block is a list. The others are no prose themselves: DROPPED stands alone, HIDES takes what is
indented below it along, UNTIL_BLANK what follows up to an empty line, and OPENS what follows up to
the line that closes its mark."""

BACKTICKS, TILDES, DOLLARS, COMMENT, PREFORMATTED, SCRIPT, STYLE, TABLE, FRONT, PROSE = range(10)
"""The marks. FRONT is front matter: a first line opens it if some other closes it. PROSE is a fence
around prose, such as a note: only its own two lines go."""

OUT, BEGINS, CONTINUES = range(3)
"""What becomes of a line: no prose, the first line of a paragraph, or another of its lines."""
