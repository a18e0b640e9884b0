"""What one copies into a job so that it beats: a title, where it goes, and the text."""

from openalert.web.ui.frame import Values

_CURL = "curl -fsS -m 10 --retry 5 -o /dev/null"


def snippets(url: str, cron: str) -> list[Values]:
    """For each kind of job, with its address `url` and the times at which it runs."""
    return [
        {"key": key, "title": title, "where": where, "text": text}
        for key, title, where, text in (
            ("cron", "cron", "In the crontab", f"{cron} /usr/local/bin/backup && {_CURL} {url}"),
            ("shell", "A script", "Tells how long it took, and its exit code", _shell(url)),
            ("systemd", "systemd", "/etc/systemd/system/backup.service.d/heartbeat.conf", _systemd(url)),
            ("actions", "GitHub Actions", "The last step of the job; the address is a secret", _actions()),
            ("powershell", "PowerShell", "At the end of the task", _powershell(url)),
            (
                "alertmanager",
                "Prometheus",
                "In alertmanager.yml: Watchdog as a heartbeat",
                _alertmanager(url),
            ),
        )
    ]


def _shell(url: str) -> str:
    return f"{_CURL} {url}/start\n/usr/local/bin/backup\n{_CURL} {url}/$?"


def _systemd(url: str) -> str:
    return f"""[Service]
ExecStartPre=-/usr/bin/{_CURL} {url}/start
ExecStopPost=/bin/sh -c 'test "${{SERVICE_RESULT}}" = success && said=0 || said=fail; {_CURL} {url}/$$said'"""


def _actions() -> str:
    return """- name: Heartbeat
  if: always()
  env:
    HEARTBEAT_URL: ${{ secrets.HEARTBEAT_URL }}
  run: curl -fsS -m 10 --retry 5 "$HEARTBEAT_URL/${{ job.status == 'success' && '0' || 'fail' }}\""""


def _powershell(url: str) -> str:
    return f"""try {{ & C:\\Jobs\\Backup.ps1; $said = "0" }} catch {{ $said = "fail" }}
Invoke-RestMethod -TimeoutSec 10 -Uri "{url}/$said\""""


def _alertmanager(url: str) -> str:
    return f"""route:
  routes:
    - matchers: [alertname = Watchdog]
      receiver: heartbeat
      group_wait: 0s
      group_interval: 1m
      repeat_interval: 1m
receivers:
  - name: heartbeat
    webhook_configs:
      - url: {url}
        send_resolved: false"""
