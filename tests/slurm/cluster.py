"""A real SLURM cluster of one node, this machine, started by hand from Debian's packages."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

# Where SLURM looks; the plugin strips the variable that could name another place from its jobs.
SETTINGS = Path("/etc/slurm")
MARK = "# A cluster for the tests of actsense; remove it if no test is running."
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
CONFIGURATION = """{mark}
ClusterName=test
SlurmctldHost={host}
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
KillWait=2
MinJobAge=3600
ReturnToService=2
SchedulerParameters=sched_interval=2,batch_sched_delay=0
GresTypes=gpu
NodeName={host} {topology} RealMemory={memory} Gres=gpu:1 State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes={host} MaxTime=INFINITE State=UP
"""


@dataclass(frozen=True)
class Cluster:
    """A running cluster, and the folder of its logs."""

    folder: Path

    def run(self, *command: str) -> str:
        """Return what a command of SLURM prints."""
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def jobs(self) -> list[dict[str, str]]:
        """Return what the controller remembers of every job."""
        lines = self.run("scontrol", "--oneliner", "show", "job", "--details").splitlines()
        return [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in lines if "JobId=" in line]


def unavailable() -> str:
    """Say what is missing for a cluster, or nothing."""
    missing = [name for name in PROGRAMS if _program(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (Debian: slurm-wlm, munge)"
    settings = SETTINGS / "slurm.conf"
    if settings.exists() and MARK not in settings.read_text():
        return f"this machine has a cluster already: {settings}"
    return "" if os.geteuid() == 0 else "only root can start a cluster"


@contextmanager
def started(folder: Path) -> Iterator[Cluster]:
    """Start a cluster whose files are in a folder; stop it at the end."""
    for name in ("state", "spool"):
        (folder / name).mkdir()
    host = socket.gethostname().partition(".")[0]
    known = _output("slurmd", "-C").split()
    topology = " ".join(
        word for word in known if re.match("CPUs|Boards|Sockets|Cores|Threads", word)
    )
    memory = re.search(r"RealMemory=(\d+)", " ".join(known))
    assert memory is not None
    settings = CONFIGURATION.format(
        mark=MARK,
        host=host,
        ports=_free_ports(2),
        folder=folder,
        topology=topology,
        memory=memory[1],
    )
    cluster = Cluster(folder)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    munge = {"socket": "munge.socket", "pid-file": "munge.pid", "log-file": "munge.log"}
    options = [f"--{option}={folder / file}" for option, file in munge.items()]
    seed = f"--seed-file={folder / 'munge.seed'}"
    with ExitStack() as stack:
        stack.enter_context(_written(SETTINGS / "slurm.conf", settings))
        # Any character device makes a GPU for SLURM, which hands it out and never opens it.
        gpu = f"NodeName={host} Name=gpu File=/dev/null\n"
        stack.enter_context(_written(SETTINGS / "gres.conf", gpu))
        for command in (
            ["munged", "--foreground", "--force", f"--key-file={key}", seed, *options],
            ["slurmctld", "-D"],
            ["slurmd", "-D", "-N", host],
        ):
            stack.enter_context(_daemon(command, folder))
        _wait_until_idle(cluster)
        yield cluster
        _output("scancel", "--user=root")
        time.sleep(1)


@contextmanager
def _daemon(command: list[str], folder: Path) -> Iterator[None]:
    program = _program(command[0])
    assert program is not None
    with (folder / f"{command[0]}.out").open("w") as output:
        process = subprocess.Popen(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        time.sleep(1)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_idle(cluster: Cluster) -> None:
    for _ in range(60):
        try:
            if "idle" in cluster.run("sinfo", "--noheader", "--format=%T"):
                return
        except subprocess.CalledProcessError:
            pass
        time.sleep(1)
    logs = [path.read_text()[-2000:] for path in sorted(cluster.folder.glob("*.[lo][ou][gt]"))]
    raise RuntimeError("The cluster did not come up:\n" + "\n".join(logs))


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


@contextmanager
def _written(path: Path, text: str) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    try:
        yield
    finally:
        path.unlink()


def _output(*command: str) -> str:
    program = _program(command[0])
    assert program is not None
    return subprocess.run(
        [program, *command[1:]], capture_output=True, text=True, check=False
    ).stdout


def _free_ports(count: int) -> list[int]:
    with ExitStack() as sockets:
        opened = [sockets.enter_context(socket.socket()) for _ in range(count)]
        for each in opened:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in opened]
