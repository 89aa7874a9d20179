"""Who may ask for what: API keys, their scopes, origins and rates, and the middleware that asks for them."""
