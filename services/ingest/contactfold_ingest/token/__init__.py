"""The door for tokens: an API key is exchanged for an access token, as OAuth 2.0's client credentials are."""
