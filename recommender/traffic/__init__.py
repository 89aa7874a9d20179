"""What visitors were shown and what they did then: events as columns, each action traced to the shelf behind it."""
