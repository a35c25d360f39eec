"""What becomes of an Event, as data: `rules.yaml` has the table, `rule` its form, `loader` reads and checks it, `matcher` finds
the rule of an Event, `readers` take facts out of its message. docs/events.md shows the table and explains the form.
"""
