"""The door for web pages: `GET /intercept.js` and `POST /intercept` (CONTRACT 4).

A page carries no secret, so whatever it says may be forged: its `Origin` keeps other sites' pages out and nobody else.
What makes the door safe to leave open is what its statements can do: they act with `update` and `on_many: anonymous`,
name one value of a kind of identifier and one visitor, and choose neither id nor time. So a forged one fills what is
empty, and neither overwrites a value nor joins two people.
"""
