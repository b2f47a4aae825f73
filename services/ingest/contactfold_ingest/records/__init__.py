"""The door for form-encoded records: `PUT /records` and `POST /records` (CONTRACT 5)."""
