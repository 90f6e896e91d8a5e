"""The storage load: fio inside the server, on a volume, the server's own disk or a directory."""
