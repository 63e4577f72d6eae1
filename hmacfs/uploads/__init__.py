"""The resumable core: sessions, whatever dialect asks for them."""
