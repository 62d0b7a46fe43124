"""The batch side: what fills the review queues and the list of findings about the tree."""
