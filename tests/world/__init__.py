"""A small world around a real server: senders, people, providers and misfortune, and an oracle of promises."""
