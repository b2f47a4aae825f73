"""What every HTTP door shares: errors as problem+json, access by API key, and the application around the routes."""
