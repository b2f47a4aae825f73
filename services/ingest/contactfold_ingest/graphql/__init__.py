"""The GraphQL door: `updateCustomers` and `customerSchema` (CONTRACT 5).

A request is worked out first, by functions that touch nothing: parsed, bounded, validated, its arguments read. What
it asks to import comes out of that as data (`Batch`) and is taken to the log afterwards, on the service's own loop.
So a large request is worked out on a thread, and no other door waits for it.
"""
