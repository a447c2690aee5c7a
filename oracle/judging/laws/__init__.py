"""Laws: identities that hold without any oracle."""
