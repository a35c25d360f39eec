"""kube9-cli: asks the recorded history. It shares nothing with the operator but the schema, and only ever reads."""
