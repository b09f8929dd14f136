-- The fleet model: groups of one's own, claims, capabilities, what is known of images and releases.
SELECT slipway_secure();
