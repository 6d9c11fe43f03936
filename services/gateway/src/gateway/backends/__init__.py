"""The other services, a file for each resource.

Only this package makes RPC requests and reads their answers. Its functions take plain values and
return messages of resources or small tuples. Calls are made as `identity.caller()`, within the
deadline of the request; a failure is raised as the DomainError that the service raised.
"""
