"""Registration with a kube9 server, and sending collections to it. Only with an API key."""
