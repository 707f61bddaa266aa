"""What an AI agent may do with a project: tools over MCP, and the approvals of the one tool that writes."""
