"""The review page (人工审核): where people judge the items of a round, and the store that keeps who decided what."""
