"""What a stock image lacks is installed at boot, tried again for a while, and named if it cannot be."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kb_tests.cloud.topology import Role
from kb_tests.fleet import boot
from kb_tests.fleet.secrets import Secrets
from tests.waiting import PATIENCE

SECRETS = Secrets.generate()


def script(role: Role, *, packages: bool = True) -> str:
    return boot.user_data(role, "c0ffee00", "10.0.0.5", SECRETS, packages=packages)


@pytest.mark.parametrize("role", Role)
def test_with_packages_it_is_a_script_that_nova_takes_too(role: Role) -> None:
    text = script(role)
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)
    assert text.count("\ninstall ") == 1
    assert text.index("\ninstall ") < text.index("command -v", text.index("\ninstall "))
    assert "apt-get" not in script(role, packages=False)


MIRROR = """\
#!/bin/sh
echo "$@" >>{folder}/asked
[ "$1" = -q ] && [ "$2" = update ] && exit 0
tries=$(grep -c install {folder}/asked)
if [ "$tries" -le {failing} ]; then
    echo "Reading package lists..."
    echo "E: Unable to locate package fio"
    echo
    exit 100
fi
[ {empty} = 1 ] && exit
printf '#!/bin/sh\\n' >{folder}/bin/fio
chmod 755 {folder}/bin/fio
"""


def install(folder: Path, *, failing: int = 0, empty: bool = False, mirror: bool = True) -> tuple[int, str]:
    """Run the part that installs in a world of little else; its exit code and what it says."""
    tools = folder / "bin"
    tools.mkdir()
    for name in ("grep", "tail", "cut", "printf", "chmod", "rm", "sh", "cat"):
        found = subprocess.run(["which", name], capture_output=True, text=True, check=False).stdout.strip()
        if found:
            (tools / name).symlink_to(found)
    (tools / "sleep").write_text("#!/bin/sh\n")
    (tools / "sleep").chmod(0o755)
    (tools / "mkfs.ext4").symlink_to("/bin/true")
    if mirror:
        (tools / "apt-get").write_text(MIRROR.format(folder=folder, failing=failing, empty=int(empty)))
        (tools / "apt-get").chmod(0o755)
    part = boot._packages(Role.STORAGE).replace("/usr/sbin/policy-rc.d", str(folder / "policy"))
    wanted = "install python3=python3 fio=fio mkfs.ext4=e2fsprogs"
    part = part[: part.rindex("\ninstall ")] + f"\n{wanted}\necho the rest\n"
    (tools / "python3").symlink_to("/bin/true")
    head = 'say() { echo "kb: $*"; }\ndie() { say "failed: $*"; exit 1; }\n'
    done = subprocess.run(
        ["/bin/sh"],
        input=head + part,
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert not (folder / "policy").exists()
    return done.returncode, done.stdout + done.stderr


def test_what_lacks_is_installed_and_no_more(tmp_path: Path) -> None:
    code, said = install(tmp_path)
    assert (code, said) == (0, "kb: installing fio\nkb: packages installed\nthe rest\n")
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[-1].endswith("install fio")


def test_a_mirror_may_fail_for_a_while(tmp_path: Path) -> None:
    code, said = install(tmp_path, failing=2)
    assert code == 0
    assert said.count("kb: cannot install fio yet: E: Unable to locate package fio\n") == 2


def test_a_package_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    code, said = install(tmp_path, failing=99)
    assert code == 1
    assert said.endswith("kb: failed: cannot install fio: E: Unable to locate package fio\n")
    assert "the rest" not in said


def test_a_package_without_the_command_is_none(tmp_path: Path) -> None:
    code, said = install(tmp_path, empty=True)
    assert code == 1
    assert "kb: failed: cannot install fio: " in said


def test_a_system_of_another_kind(tmp_path: Path) -> None:
    code, said = install(tmp_path, mirror=False)
    assert code == 1
    assert "failed: cannot install fio: there is no apt-get, dnf, zypper or apk\n" in said
