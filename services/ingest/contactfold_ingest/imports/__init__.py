"""Imports: files of contacts, uploaded, cut into events, watched, cancelled and taken back (CONTRACT 6).

`uploads` reads a request onto the disk, `shelf` keeps files, `rows` makes events of them (`straight` of most, at once),
`cutting` writes those to the bulk lane and notes how far it is, `finishing` tells when an import has ended, `progress`
counts from the directory's own gates what became of the rows, `working` is what a process does all the time. `door`,
`routes` and `streaming` are how people meet it.

What became of rows is asked of the directory by `row_outcomes`; `failed_rows` and `report_workbook` write it beside the
file's own cells (`report_files`), in a process of their own that `reporting` starts. `clearing` removes files of people
who were erased. `rollback_previewing` shows what taking an import back would change.
"""
