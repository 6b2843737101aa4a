"""How far the answers of one backend are from each other and from the exact result: its noise floor."""
