"""The tables of all stores in MySQL and MariaDB: numbered steps."""
