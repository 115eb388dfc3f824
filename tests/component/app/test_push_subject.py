"""`pillarbox check` tells where push services may refuse the provider."""

from pathlib import Path

from tests.kit.command_line import set_up


def test_check_tells_of_a_domain_that_push_services_do_not_know(tmp_path: Path) -> None:
    there, _ = set_up(tmp_path, domain="corp.internal")
    said = there.run("check", "--only", "machine").output
    assert "push services such as Apple's may refuse notifications" in said
    with there.config.open("a") as config:
        config.write("\n[push]\nsubject = 'https://www.example.org/contact'\n")
    assert "push services" not in there.run("check", "--only", "machine").output
    there.config.write_text(there.config.read_text().replace("https:", "http:"))
    assert "'push.subject': 'http://www.example.org/contact' is neither" in there.refused("check")
