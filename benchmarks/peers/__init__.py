"""What people use today for contact events from Kafka into MongoDB: run as their makers tell, beside contactfold.

None of it resolves identities, keeps order or evidence, or applies an event exactly once.
"""
