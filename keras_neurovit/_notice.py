"""What stands beside every answer about a person, in a terminal and on a page."""

NOT_A_DEVICE = "Research software, no medical device: do not use it for diagnosis."
