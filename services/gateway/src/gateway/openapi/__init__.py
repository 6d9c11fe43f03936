"""The API's machinery: operations as they are declared, requests read strictly as documented, and
the OpenAPI document made from both."""
