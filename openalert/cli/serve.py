"""openalert serve"""

import gc

import click

from openalert.cli.settings import configured, options


@click.command()
@click.option("--host", metavar="H", help="The address to listen on; 127.0.0.1 by default.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="P", help="8080 by default; 0: any free one.")
@click.option("--redis-url", metavar="URL", help="redis://… that several nodes share; without: none.")
@options
def serve(
    host: str | None,
    port: int | None,
    redis_url: str | None,
    config_file: str | None,
    data_dir: str | None,
    database_url: str | None,
) -> None:
    """Run the whole appliance until it is told to stop."""
    config = configured(
        config_file, data_dir, database_url, server_host=host, server_port=port, redis_url=redis_url
    )
    # What is imported stays for ever: the collector would look through ever more of it, a tenth of the whole start.
    gc.disable()
    from openalert.cli import server

    gc.freeze()
    server.serve(config)
