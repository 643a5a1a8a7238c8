"""Assessment rounds (评估轮次): freeze the frame, take the seed from a public value, draw, have people judge, close.

What goes into a filing comes from a round, never from a night: docs/adr/0027-rounds.md.
"""
