"""The command line: what it prints, and the exit codes it promises."""

import base64
import io
import json
import os
import stat
import urllib.error
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from kashi_agent import VERSION
from kashi_agent.cli import main
from kashi_agent.commands import doctor, once, ways_in
from kashi_agent.commands.top import _of_agent
from kashi_agent.commands.ways_in import check_folder
from kashi_agent.enrolment import EnrolmentToken
from kashi_agent.errors import AgentError
from kashi_agent.meter_probe import FirstLook
from kashi_agent.metrics import MetricsServer, metrics_text
from kashi_agent.notify import Notifier
from kashi_agent.status import read_status
from sample_status import a_status

DISK = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"


@pytest.fixture(autouse=True)
def on_a_disk(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The state folder survives a reboot, wherever this run keeps its temporary files."""
    mounts = tmp_path_factory.mktemp("mounts") / "mountinfo"
    mounts.write_text(DISK, encoding="utf-8")

    def checked(folder: Path, known: EnrolmentToken | bytes, _mountinfo: Path) -> None:
        check_folder(folder, known, mounts)

    monkeypatch.setattr(ways_in, "check_folder", checked)


def test_a_service_that_may_not_ask_for_its_clock_is_said_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The doctor goes by what the running service is told, not by what a shell is told; and the
    status says how far its times of day stand from the clock."""
    a_status(clock="unknown", clock_offset_ms=-2_500).write(tmp_path / "status.json")

    main(["doctor", "--json", "--state", str(tmp_path)])
    found = {one["code"]: one for one in json.loads(capsys.readouterr().out)}
    main(["status", "--state", str(tmp_path)])

    assert "ProtectClock" in found["clock_unread"]["step_en"]
    assert "offset -2500 ms" in capsys.readouterr().out


def test_version_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    """The agent's version and those of its parts, as text and as JSON."""
    assert main(["version"]) == 0
    assert f"kashi-agent {VERSION}\n" in capsys.readouterr().out
    assert main(["version", "--json"]) == 0
    parts = json.loads(capsys.readouterr().out)
    assert parts["kashi-agent"] == parts["kashi-proto"] == VERSION


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "--config", "/no/such/agent.toml"], 3, "does not exist"),
        (["show", "--state", "{state}"], 4, "not enrolled"),
        (["run", "--state", "{state}"], 4, "not enrolled"),
        (["verify", "--state", "{state}"], 4, "not enrolled"),
        (["status", "--state", "{state}"], 4, "This host is not enrolled"),
    ],
)
def test_exit_codes_are_those_of_the_readme(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    """Each kind of failure has its code, and one line that says what to do."""
    filled = [argument.format(state=tmp_path) for argument in arguments]

    assert main(filled) == code

    said = capsys.readouterr().err
    assert said.startswith("kashi-agent: ")
    assert words in said
    assert "Traceback" not in said


def test_a_wrong_command_line_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    """As argparse has it."""
    with pytest.raises(SystemExit) as caught:
        main(["measure"])

    assert caught.value.code == 2
    assert "invalid choice" in capsys.readouterr().err


def a_token() -> str:
    """A token with a root in it, of a server that does not exist."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])
    begin = datetime(2026, 11, 1, tzinfo=UTC)
    root = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    return f"kashi1.secret.{base64.urlsafe_b64encode(root).decode().rstrip('=')}"


def test_enrolment_makes_the_state_folder_for_its_owner_alone(tmp_path: Path) -> None:
    """The state folder and the keys' folder in it are 0700, whatever the umask allows; a folder
    above them is nobody's secret."""
    state = tmp_path / "above" / "state"
    before = os.umask(0o022)
    try:
        arguments = ["enrol", "--state", str(state), "--server", "localhost:1", "--yes"]
        code = main([*arguments, "--token", a_token()])
    finally:
        os.umask(before)

    assert code != 0
    modes = {folder: stat.S_IMODE(folder.stat().st_mode) for folder in (state, *state.iterdir())}
    assert modes == {state: 0o700, state / "identity": 0o700}
    assert stat.S_IMODE(state.parent.stat().st_mode) == 0o755


def test_nobody_is_enrolled_without_being_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what would be sent; without a terminal and without --yes nothing is, and no key is
    made."""
    monkeypatch.setattr("sys.stdin", io.StringIO(a_token()))
    arguments = ["enrol", "--state", str(tmp_path / "s"), "--server", "localhost:1"]

    assert main([*arguments, "--token-file", "-"]) == 1

    said = capsys.readouterr()
    assert "There is nobody to ask" in said.err
    assert "Read by: the party that operates this host" in said.out
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("command", "looks"), [("once", once), ("doctor", doctor)], ids=["once", "doctor"]
)
def test_a_meter_for_one_look_reads_as_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, looks: ModuleType
) -> None:
    """The vendor and the driver's root of the settings; what stands behind `--` comes last, and
    prevails."""
    asked: list[str] = []

    def look(
        options: Sequence[str], _seconds: float, *, patient: bool, **_told: object
    ) -> FirstLook:
        asked.extend((*options, str(patient)))
        return FirstLook()

    monkeypatch.setattr(looks, "first_look", look)
    settings = tmp_path / "agent.toml"
    settings.write_text('[agent]\nmeter = "nvml"\ndriver_root = "/run/nvidia/driver"\n')

    main([command, "--config", str(settings), "--state", str(tmp_path), "--", "--meter", "ascend"])

    assert asked[:-1] == [
        *("--evidence", "basic", "--meter", "nvml", "--driver-root", "/run/nvidia/driver"),
        *("--meter", "ascend"),
    ]


class Terminal(io.StringIO):
    """Somebody sits at it."""

    def isatty(self) -> bool:
        """It is one."""
        return True


@pytest.mark.parametrize("at", [Terminal, io.StringIO])
def test_who_is_to_type_the_token_is_asked_for_it(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    at: type[io.StringIO],
) -> None:
    """On standard error, on a terminal alone: a pipe waits for nobody."""
    monkeypatch.setattr("sys.stdin", at("no token\n"))
    arguments = ["enrol", "--state", str(tmp_path / "s"), "--server", "localhost:1"]

    assert main([*arguments, "--token-file", "-"]) == 1

    said = capsys.readouterr()
    assert ("请粘贴登记令牌并回车 Paste the enrolment token" in said.err) == (at is Terminal)
    assert said.out == ""


@pytest.mark.parametrize("evidence", ["basic", "extended"])
def test_enrolment_tells_what_is_sent_who_reads_it_and_for_how_long(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], evidence: str
) -> None:
    """In Chinese, then in English; with `--json` beside the facts, never among them; and what the
    settings add to it."""
    settings = tmp_path / "agent.toml"
    settings.write_text(
        f'[agent]\nstate_folder = "{tmp_path}/s"\nholder_names = "hash"\nevidence = "{evidence}"\n'
    )
    arguments = ["enrol", "--config", str(settings), "--server", "localhost:1", "--yes"]

    assert main([*arguments, "--token", a_token()]) == 6
    told = capsys.readouterr()
    assert main([*arguments, "--token", a_token(), "--json"]) == 6
    as_json = capsys.readouterr()

    chinese, _, english = told.out.partition("This host will be enrolled")
    for word in (
        "型号",
        "每分钟",
        "缺口",
        "加盐散列",
        "LD_PRELOAD",
        "谁可查看",
        "保存多久",
        "35 天",
    ):
        assert word in chinese
    for word in ("model", "each minute", "gaps", "names: hash", "LD_PRELOAD", "Read by", "35 days"):
        assert word in english
    assert ("device file" in english) == ("设备文件" in chinese) == (evidence == "extended")
    assert as_json.out == ""
    assert "谁可查看" in as_json.err


def test_a_server_that_is_away_is_6(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The keys are kept, for the next try."""
    arguments = ["enrol", "--state", str(tmp_path), "--server", "localhost:1", "--yes"]

    assert main([*arguments, "--token", a_token()]) == 6

    assert "localhost:1 does not answer" in capsys.readouterr().err
    assert (tmp_path / "identity" / "report.key").exists()
    assert not (tmp_path / "identity" / "host.json").exists()


@pytest.mark.parametrize("server", ["localhost", "localhost:", ":7444", "localhost:70000"])
def test_a_server_without_a_port_is_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], server: str
) -> None:
    """No port is guessed, and the right spelling is said."""
    with pytest.raises(SystemExit) as caught:
        main(["enrol", "--state", str(tmp_path), "--server", server, "--token", a_token()])

    assert caught.value.code == 2
    assert "HOST:PORT" in capsys.readouterr().err


def test_who_is_enrolled_is_told_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A host's two services, a relay's one; in facts for a program it is none."""
    relay = tmp_path / "relay.toml"
    relay.write_text('[relay]\nnames = ["relay.test"]\n')
    monkeypatch.setattr(ways_in, "enrol_by", lambda *_arguments: (None, None))
    monkeypatch.setattr(ways_in, "tell_identity", lambda *_arguments: None)
    by = ["--state", str(tmp_path), "--server", "localhost:1", "--token", a_token(), "--yes"]

    said = []
    for command in (["enrol"], ["relay", "enrol", "--config", str(relay)]):
        for form in ([], ["--json"]):
            assert main([*command, *by, *form]) == 0
            said.append(capsys.readouterr().out.splitlines()[-1:])

    assert said == [
        ["下一步 Next: systemctl enable --now kashi-meter kashi-agent"],
        [],
        ["下一步 Next: systemctl enable --now kashi-relay"],
        [],
    ]


def test_status_tells_health_by_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 when all is well, 1 when the agent is silent or in trouble."""
    arguments = ["status", "--state", str(tmp_path)]

    a_status().write(tmp_path / "status.json")
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "纪元与序号 epoch 1 sequence 5" in said
    assert "已封存 sealed" in said
    assert "启动后 since the start 4, 隔离 0 quarantined" in said
    a_status(trouble="the server does not answer").write(tmp_path / "status.json")
    assert main(arguments) == 1
    a_status(written_utc_ms=1_793_000_000_000).write(tmp_path / "status.json")
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["stale"] is True


@pytest.mark.parametrize(
    ("state", "code", "said"),
    [
        ("driver: NVML 12 (code 12)", 1, "没有驱动"),
        ("not connected", 1, "计量进程没有连接"),
        ("connected", 0, "无 none"),
        ("released: for 600 s, by user 0", 0, "无 none"),
    ],
)
def test_status_tells_why_nothing_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], state: str, code: int, said: str
) -> None:
    """The meter's trouble is a row and a fact of its own, beside that of the delivery; a meter
    that has just come and one that was asked to leave the devices are none."""
    a_status(meter_state=state).write(tmp_path / "status.json")

    assert main(["status", "--state", str(tmp_path)]) == code
    rows = capsys.readouterr().out
    assert main(["status", "--state", str(tmp_path), "--json"]) == code
    fact = json.loads(capsys.readouterr().out)["meter_trouble"]

    meter, _, delivery = rows.partition("计量故障 meter trouble")[2].partition("传送故障")
    assert said in meter
    assert "无 none" in delivery
    assert (fact is not None) == bool(code)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("measuring", "计量 meter: 计量中 measuring; "),
        ("not connected", "计量 meter: 未连接 not connected; "),
        ("released: for 600 s", "计量 meter: 已释放 released: for 600 s; "),
        (
            "driver: 未安装 libx.so。libx.so is not installed",
            "计量 meter: 驱动不可用：未安装 libx.so。driver: libx.so is not installed; ",
        ),
        ("what nobody knows", "计量 meter: what nobody knows; "),
    ],
)
def test_the_meters_state_is_told_in_chinese_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], state: str, said: str
) -> None:
    """`status` and `top` alike; to a program as it is."""
    a_status(meter_state=state).write(tmp_path / "status.json")
    first = said.removeprefix("计量 meter: ").removesuffix("; ")[:8]

    assert said in _of_agent(read_status(tmp_path / "status.json"))
    main(["status", "--state", str(tmp_path)])
    assert first in capsys.readouterr().out
    main(["status", "--state", str(tmp_path), "--json"])
    assert json.loads(capsys.readouterr().out)["meter_state"] == state


def test_a_status_of_another_form_is_refused(tmp_path: Path) -> None:
    """Damaged, or of another version."""
    path = tmp_path / "status.json"
    a_status().write(path)
    fields = json.loads(path.read_text(encoding="utf-8"))

    path.write_text(json.dumps({**fields, "format": "other"}), encoding="utf-8")
    with pytest.raises(AgentError, match="another version"):
        read_status(path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(AgentError, match="cannot be read"):
        read_status(path)


def test_metrics_are_the_status_in_prometheus_form(tmp_path: Path) -> None:
    """Over loopback; 503 while there is no status, 404 elsewhere."""
    path = tmp_path / "status.json"
    with MetricsServer(("127.0.0.1", 0), path) as server:
        url = f"http://127.0.0.1:{server.port}"
        with pytest.raises(urllib.error.HTTPError, match="503") as absent:
            urllib.request.urlopen(f"{url}/metrics")
        assert "代理尚未运行" in absent.value.read().decode()
        absent.value.close()
        a_status().write(path)
        with urllib.request.urlopen(f"{url}/metrics") as answer:
            text = answer.read().decode()
        with pytest.raises(urllib.error.HTTPError, match="404") as elsewhere:
            urllib.request.urlopen(f"{url}/")
        elsewhere.value.close()

    assert text == metrics_text(a_status())
    assert "kashi_agent_samples_total 80\n" in text
    assert "kashi_agent_disk_full 0\n" in text


def test_without_an_address_there_are_no_metrics(tmp_path: Path) -> None:
    """Off unless asked for."""
    with MetricsServer(None, tmp_path / "status.json") as server:
        assert server.port == 0


def test_without_a_service_manager_nothing_is_told() -> None:
    """No socket, no word, no error; a socket nobody reads is no error either."""
    Notifier({}).alive("well")
    Notifier({"NOTIFY_SOCKET": "/no/such/socket"}).ready("well")
    Notifier({"NOTIFY_SOCKET": "@kashi-no-such-abstract-socket"}).stopping()
