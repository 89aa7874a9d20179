"""How regular a user is: recency, next order and items due again."""
