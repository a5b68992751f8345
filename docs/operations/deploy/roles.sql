-- Roles of the office. Set both passwords before the first start; the two URLs carry them too.
CREATE ROLE office_owner LOGIN PASSWORD 'change-me-owner';
CREATE ROLE office LOGIN PASSWORD 'change-me-office';
CREATE DATABASE ccpa_office OWNER office_owner ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE ccpa_office FROM PUBLIC;
GRANT CONNECT ON DATABASE ccpa_office TO office;
