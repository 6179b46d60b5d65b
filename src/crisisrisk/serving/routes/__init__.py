"""The routes, thin: who may call, what is read, what is answered."""

API = "/api/v1"
