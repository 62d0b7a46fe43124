"""What every queue shares: the list, the review page, bulk actions, and how a decision is written down."""
