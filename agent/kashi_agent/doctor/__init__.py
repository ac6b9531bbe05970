"""What is wrong with this host's agent and what to do: checks that change nothing.

Each finding has a code, and its words in Chinese and English stand in one table.
"""
