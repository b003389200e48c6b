//! The stories that every engine must pass, by name. Crates with an engine of their own include
//! these modules by path and run the same stories.

/// Runs each story on an engine, in a module of the given name, as the given kind of test.
macro_rules! on_engine {
    ($name:ident, $test:meta, $disk:expr) => {
        on_engine! { @stories $name, $test, $disk;
            messages {
                numbers_have_no_gaps_and_time_never_steps_back
                the_first_message_opens_a_direct_conversation
                notes_to_self_reach_only_oneself
                strangers_and_holes_look_alike
                an_older_connection_cannot_write
                outcomes_stand_for_themselves
                the_sink_hears_commits_in_order
                bodies_are_kept_octet_for_octet
                history_pages_both_ways
                tenants_do_not_see_each_other
                only_messages_are_countable
                everything_survives_a_reopening
                a_raised_epoch_keeps_what_was_and_numbers_on
                a_closed_store_says_so
            }
            blobs {
                an_upload_is_known_by_its_user_and_octets
                a_user_has_so_much_room_for_blobs
                a_message_shows_its_blobs_to_those_who_may_read_it
                what_nothing_refers_to_goes_after_its_time
                blobs_of_a_conversation_are_listed_downwards
            }
            idempotency {
                a_retry_gets_the_first_result
                a_repetition_inside_one_batch_is_one_message
                the_same_key_with_other_content_is_a_conflict
                a_retry_beyond_the_window_is_refused
                a_retry_is_answered_even_after_leaving
                a_refused_message_leaves_no_key
                one_message_on_many_connections_is_one_entry
            }
            timelines {
                a_timeline_has_every_entry_once_in_commit_order
                pages_are_bounded_and_continue_anywhere
                a_cursor_out_of_bounds_is_too_old
                long_bursts_span_chunks
                heads_are_derived_after_a_reopening
                small_caches_forget_nothing
            }
            groups {
                creating_logs_settings_then_members
                names_and_sizes_are_bounded
                unknown_members_fail_the_whole_change
                a_change_fits_into_a_push
                adding_is_for_owner_and_admins
                adding_members_again_changes_nothing
                newcomers_see_from_their_entry_on
                removing_ends_what_one_sees
                coming_back_starts_anew
                renaming_is_a_logged_change
                a_repeated_request_gets_the_first_answer
                direct_conversations_are_not_groups
                changes_are_pushed_to_everybody_concerned
                everything_survives_a_reopening
            }
            large {
                growing_beyond_the_threshold_is_an_entry_of_every_timeline
                a_group_may_be_born_large
                a_timeline_has_only_what_concerns_its_user
                the_sink_hears_who_reads_the_log
                what_is_large_stays_so_after_a_reopening
            }
            roles {
                admins_remove_plain_members_only
                roles_change_by_the_owner_only
                handing_over_is_one_entry
                leaving_needs_a_transfer_first
            }
            policy {
                a_dissolved_group_can_only_be_read_and_left
                a_muted_member_waits
                all_plain_members_are_muted
                announcements_have_versions
                the_policy_says_who_sends_and_invites
                an_invitation_makes_a_member
                an_invitation_ends
                who_needs_approval_waits
                what_changed_among_members_is_paged
            }
            marks {
                a_mark_rises_and_never_falls
                sending_is_reading
                groups_count_messages_of_ones_membership
                a_flag_stays_until_reading_goes_on
                delivered_follows_the_cursor
                who_is_told
                marks_belong_to_an_epoch
                unread_conversations_are_paged_by_id
                marks_equal_those_of_a_naive_model
            }
            notify {
                a_message_owes_one_notification_for_a_device_and_conversation
                who_is_there_or_wants_quiet_is_owed_nothing
                large_groups_owe_those_who_are_named
                reading_and_writing_end_what_is_owed
                attempts_are_taken_down
                what_came_meanwhile_stays_owed
                an_address_belongs_to_one_device
                settings_survive_and_mutes_are_bounded
                logging_out_forgets_the_target
            }
            mentions {
                mentions_are_counted_from_the_mark_on
                mentions_equal_those_of_a_naive_model
            }
            contacts {
                a_notice_is_unread_and_nobody_sent_it
                asking_and_agreeing_is_told_to_both
                asking_who_has_asked_is_agreeing
                what_is_asked_can_be_refused_withdrawn_and_ended
                impossible_changes_change_nothing
                a_repeated_contact_request_gets_the_first_answer
                blocking_is_told_to_nobody_and_stops_both
                a_request_under_a_block_can_only_be_refused
                only_contacts_may_write_where_the_policy_says_so
                nobody_writes_to_a_personal_log
                lists_are_bounded_on_both_sides
                lists_are_read_in_the_order_of_their_changes
            }
            directory {
                profiles_are_read_in_the_order_of_their_changes
                a_profile_changes_by_the_named_fields_only
                a_repeated_profile_change_does_not_undo_a_newer_one
                an_import_writes_what_differs_and_nothing_twice
                departments_and_members_are_paged_by_id
            }
            department_groups {
                a_group_follows_its_department
                a_branch_has_whoever_is_below
                a_group_outlives_its_department
                nobody_changes_the_group_of_a_department
                too_many_members_change_nothing
                a_dry_run_tells_and_changes_nothing
                many_members_come_by_few_entries
                an_import_that_ended_early_is_completed
            }
            accounts {
                names_and_ids_are_unique
                users_are_paged_by_name
                disabling_is_remembered
                each_opening_raises_the_generation
                cursors_only_move_forward_within_the_timeline
                cursors_are_written_by_closing
                sessions_are_replaced
                sessions_of_a_device_are_found
                conversations_are_paged_by_id
                secrets_differ_by_purpose_and_stay
            }
            bots {
                bots_are_users_that_say_so
                tokens_are_found_by_their_hash
                tokens_of_a_bot_are_bounded
                a_token_takes_its_devices_along
                what_a_webhook_was_told_is_kept
            }
            operations {
                the_last_edit_counts_and_the_log_stays
                an_operation_needs_a_message_that_can_be_seen
                a_recall_erases_the_message_and_its_edits
                one_batch_may_write_change_and_erase
                who_may_and_how_long
                reactions_are_counted_once_a_user
                pins_are_listed_in_order
                a_former_member_sees_no_later_operation
                pages_with_edited_texts_stay_bounded
            }
            devices {
                logged_in_devices_are_paged_by_id
                logging_out_ends_tokens_and_writing
                a_repeated_logout_is_one
                the_oldest_login_makes_room
                devices_long_gone_are_forgotten
                one_batch_knows_itself
            }
            sweeping {
                references_go_and_the_floor_rises
                keys_go_after_the_window
                sessions_go_when_they_expire
                a_sweep_is_bounded_and_goes_on
                heads_survive_an_empty_timeline
                young_records_stay
            }
        }
    };
    (@stories $name:ident, $test:meta, $disk:expr; $($module:ident { $($story:ident)* })*) => {
        mod $name {
            fn disk() -> crate::harness::Disk {
                $disk
            }

            $(mod $module {
                $(#[$test]
                async fn $story() {
                    let h = crate::harness::Harness::new(super::disk()).await;
                    crate::$module::$story(h).await;
                })*
            })*
        }
    };
}
