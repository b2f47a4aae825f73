"""Tables: what a file of contacts is, and what each of its rows says (CONTRACT 6).

`options` are what a user says about a file, `proposing` what the file says about itself. `reading` opens it and gives
rows as text, whatever it was written in; `mapping` says which attribute each column is; `rows` makes of each row an
event in the wire format. Nothing here knows of HTTP, of the log or of the directory.

A preview and an import go the same way:

    options = read_options(raw, schema)                  # raises BadOptions
    proposal = propose(path, options, schema)            # raises NotATable; proposal.options is what to go on with
    with Table.open(path, proposal.options) as table:    # raises NotATable
        plan = Plan(table.columns, proposal.options, schema)
        if plan.faults: ...                              # the file is refused whole
        for row in map(plan.note, table.rows()):
            planned = plan.event(row, import_id, began)
            statement = understand_row(planned, schema)  # with every fault, those of the row itself included
"""
