"""Which shape of an API a client asks for, by header."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.datastructures import Headers

from kb_tests.localcloud.api.call import Version
from kb_tests.localcloud.api.errors import ApiError, bad_request


@dataclass(frozen=True)
class Microversions:
    """The range of a service; `kind` is its name in the header (`compute`, `volume`)."""

    kind: str
    least: Version
    most: Version
    legacy_header: str | None = None

    def requested(self, headers: Headers) -> Version:
        """The version to answer in; without a header the least.

        Raises:
            ApiError: 400, not a version; 406, outside the range.

        """
        asked = ""
        for entry in headers.get("openstack-api-version", "").split(","):
            words = entry.split()
            if len(words) == 2 and words[0] == self.kind:
                asked = words[1]
        if not asked and self.legacy_header:
            asked = headers.get(self.legacy_header, "")
        if not asked:
            return self.least
        if asked == "latest":
            return self.most
        if not re.fullmatch(r"[1-9]\d*\.(0|[1-9]\d*)", asked):
            raise bad_request(
                f"API Version String {asked} is of invalid format. Must be of format MajorNum.MinorNum."
            )
        major, minor = asked.split(".")
        version = (int(major), int(minor))
        if not self.least <= version <= self.most:
            raise ApiError(
                406,
                f"Version {asked} is not supported by the API. "
                f"Minimum is {written(self.least)} and maximum is {written(self.most)}.",
            )
        return version

    def headers(self, version: Version) -> dict[str, str]:
        """What the answer says of its version."""
        answer = {"OpenStack-API-Version": f"{self.kind} {written(version)}"}
        vary = "OpenStack-API-Version"
        if self.legacy_header:
            answer[self.legacy_header] = written(version)
            vary += f", {self.legacy_header}"
        return answer | {"Vary": vary}


def written(version: Version) -> str:
    """`2.96`."""
    return f"{version[0]}.{version[1]}"
