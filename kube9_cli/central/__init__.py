"""Asks a store of logs (VictoriaLogs) to which the operators of many clusters send their events: `kube9-cli --store`.

A question fetches the records that may matter, keeps the newest revision of each event in a database of the operator's own
form, and is then answered by the same code as one about a file (`kube9_cli.query`).
"""
