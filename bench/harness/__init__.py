"""What bench/run and bench/peers share: servers, databases, load, and the page that is made of it."""
