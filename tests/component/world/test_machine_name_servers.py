"""The name servers that /etc/resolv.conf names."""

from pathlib import Path

from pillarbox.world.resolver.servers import NameServer, machine_servers


def test_the_name_servers_of_the_machine(tmp_path: Path) -> None:
    configuration = tmp_path / "resolv.conf"
    configuration.write_text(
        "# nameserver 192.0.2.9\nsearch a.example\nnameserver 192.0.2.1\nnameserver\tfe80::1%eth0\n"
        "nameserver\nnameserver dns.example\n"
    )
    assert machine_servers(configuration) == (NameServer("192.0.2.1"), NameServer("fe80::1%eth0"))
    assert machine_servers(tmp_path / "none") == ()
